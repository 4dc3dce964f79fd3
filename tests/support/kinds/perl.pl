use strict;
use warnings;

sub main {
    my ($args) = @_;
    my $do = $args->{do};
    return { greeting => "Hello $args->{name}" } if $do eq 'hello';
    return { error => 'no', more => 1 } if $do eq 'error';
    die "boom\n" if $do eq 'fail';
    return [1, 2] if $do eq 'array';
    return 'text' if $do eq 'text';
    exit 3 if $do eq 'exit';
    sleep 30 if $do eq 'sleep';
    if ($do eq 'logs') {
        print "one\ntwo\n";
        print STDERR "three\n";
        print "four\n";
        return {};
    }
    return { map { $_ => $ENV{$_} } @{ $args->{names} } } if $do eq 'env';
    print "$args->{text}\n" if $do eq 'say';
    return $args;
}

1;
